"""The sharing API through its front door: a real server over a real hub, asked over HTTP."""
