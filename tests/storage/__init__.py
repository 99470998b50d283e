"""Tests of the MongoDB side."""
