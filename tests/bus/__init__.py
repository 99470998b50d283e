"""Tests of the NATS side: what may be sent, and what comes back."""
