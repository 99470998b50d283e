"""Tests of sign-up and of the confirmation of an e-mail."""
