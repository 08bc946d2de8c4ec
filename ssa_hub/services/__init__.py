"""The services that join the rooms: recording, screening, sources, and the processes that run them."""
