"""The run report: one HTML page that holds everything, and asks nothing of the network."""
