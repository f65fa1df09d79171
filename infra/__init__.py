"""How it is run: command line, servers, deployments."""
