"""The lab: a page in the browser that shows a cluster at work and lets one harm it.

- `view`: what the page is told, out of what the nodes say. Pure.
- `desk`: the cluster, the load on it, and the verbs of the buttons.
- `pages`: the web application: who may see it, what is sent, server-sent events.
- `serve`: a web server on loopback until it is interrupted.
- `static/`: the page: plain modules and SVG, nothing from elsewhere.

It needs starlette and uvicorn, which the extra `lab` brings.
"""
