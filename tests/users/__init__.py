"""Tests of svc.user, rule by rule."""
