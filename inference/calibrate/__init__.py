"""Configuring a camera: is its floor measured well, how is it tilted, and what was drawn on its image."""
