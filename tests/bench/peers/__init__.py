"""The same job as its users would write it on other frameworks, and the limits of the machine."""
