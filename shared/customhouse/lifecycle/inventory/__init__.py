"""Where rows come from: live listings, the clouds' inventory reports, and our own export."""
