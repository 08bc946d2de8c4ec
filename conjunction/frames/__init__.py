"""Reference frames: states and covariances between TEME, GCRF, EME2000 and ITRF, and the axes of a state."""

from conjunction.frames.local_axes import local_axes, rotate_covariance, rtn_axes, tnw_axes
from conjunction.frames.names import Frame, FrameError, frame_named
from conjunction.frames.transform import rotation_matrices, transform, transform_covariance

__all__ = [
    "Frame",
    "FrameError",
    "frame_named",
    "local_axes",
    "rotate_covariance",
    "rotation_matrices",
    "rtn_axes",
    "tnw_axes",
    "transform",
    "transform_covariance",
]
