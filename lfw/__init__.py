"""What is known about faces and the data set: plain functions, no orchestrator, no tracker."""
