"""The widgets of the viewer, one a file."""
