"""Work: the clock's way in. Celery lives here and nowhere else."""
