# A stand-in for the load generator: it visits the shop, again and again.
import os
import time
import urllib.request

while True:
    try:
        urllib.request.urlopen(os.environ["FRONTEND_ADDR"], timeout=5).read()
    except OSError as error:
        print(error)
    time.sleep(1 / int(os.environ["USERS"]))
