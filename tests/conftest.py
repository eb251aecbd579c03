"""Puts this folder on the import path, so that tests in every room can use the helpers that stand here.

No test is timed: these machines are noisy, and a law holds however long it takes to look at an example.
"""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
