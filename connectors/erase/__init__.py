"""Removing the pictures of episodes for good: plan (pure), files, objects, recording, service (I/O)."""
