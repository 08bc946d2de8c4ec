"""What a partner gets: history and state seen through his release table, and nothing else."""
