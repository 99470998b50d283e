"""Tests of svc.account and svc.membership."""
