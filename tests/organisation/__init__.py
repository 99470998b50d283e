"""Tests of svc.entity."""
