"""Tokens: who signs them, who may be trusted, and what they allow."""
