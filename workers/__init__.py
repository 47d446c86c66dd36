"""The hands: Celery workers that train and solve, and the reaper that brings back what they drop."""
