"""SSA Hub: history, release, events, sharing API, command line, and the services that join it all."""
