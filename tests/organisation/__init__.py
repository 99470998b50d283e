"""Tests of svc.administrator, svc.business and svc.entity."""
