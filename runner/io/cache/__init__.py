"""The cache: answers by fingerprint and sample, on the disk before they count."""
