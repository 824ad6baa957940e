"""What all of the plug-in uses: errors, messages, translation, and where it is installed."""
