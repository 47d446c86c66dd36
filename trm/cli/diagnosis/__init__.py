"""What `trm doctor` examines: the machine, the software, and a service; each check gives one finding."""
