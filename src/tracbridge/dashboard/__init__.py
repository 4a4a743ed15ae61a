"""The dashboard: pages made here, with a little script; every action is a call of the API."""
