"""Contracts: the records of every topic, how they are encoded, named and keyed, and the site file."""
