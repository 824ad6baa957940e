"""The GIMPs of this computer, and the plug-in in them."""
