"""OCM, the Orbit Comprehensive Message (CCSDS 502.0-B-3, chapter 6): trajectories and covariances as ephemerides."""
