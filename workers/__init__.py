"""Celery workers that train and solve, and the reaper that requeues the jobs of lost workers."""
