"""The web server's settings, which gunicorn reads from the folder it starts in.

WEB_CONCURRENCY in the environment sets the number of worker processes.
"""

wsgi_app = "bluefox.wsgi"
threads = 8  # a worker waits for PostgreSQL most of the time
worker_class = "gthread"
preload_app = True  # workers share the memory of the loaded code
control_socket_disable = True  # nothing of ours uses it, and two servers would share one path
