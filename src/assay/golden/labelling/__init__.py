"""People label what systems said: tasks, drawing, assignment, agreement, estimates, exchange."""
