"""What is asked for, before it is a job."""
