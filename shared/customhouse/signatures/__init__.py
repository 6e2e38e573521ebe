"""Signatures, provenance and checksums that stand beside an artifact, verified offline; an uploader is not believed."""
