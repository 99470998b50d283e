"""Tests of svc.profile."""
