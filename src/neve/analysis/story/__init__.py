"""Tells a run as a picture. Pure."""
