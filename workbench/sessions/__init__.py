"""What a notebook holds: plain objects that work in a script with no front end. They know no widget."""
