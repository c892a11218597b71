"""Letting pictures go that are older than the site keeps them, and finishing what a person's erasing left."""
