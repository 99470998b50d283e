"""Tests of svc.token: grants, sessions, and secrets that are guessed at."""
