"""Layers of the project's networks; importing this module makes saved models readable."""
