"""The methods: one file each, found by the registry under the file's name."""
