"""Django REST framework with djangorestframework-api-key: keys in SQLite, one throttle in Redis.

It counts no month: its throttle is a moving list, and one of a month would hold every call.
`python drf.py NUMBER` makes keys and prints them.
"""

import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="of the bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "rest_framework_api_key",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["PEER_DATABASE"],
            "CONN_MAX_AGE": None,
        }
    },
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": os.environ["REDIS_URL"],
        }
    },
    API_KEY_CUSTOM_HEADER="HTTP_X_API_KEY",
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.throttling import SimpleRateThrottle  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402
from rest_framework_api_key.permissions import HasAPIKey  # noqa: E402


class PerSecond(SimpleRateThrottle):
    rate = "100000/second"

    def get_cache_key(self, request, view):
        return "throttle:" + request.META["HTTP_X_API_KEY"].partition(".")[0]


class Verify(APIView):
    permission_classes = (HasAPIKey,)
    throttle_classes = (PerSecond,)

    def get(self, request):
        return Response({"valid": True, "code": "VALID"})


urlpatterns = [path("v1/keys/verify", Verify.as_view())]
app = get_wsgi_application()

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    found, made = [], []
    for number in range(int(sys.argv[1])):
        one = APIKey(name=str(number))
        made.append(APIKey.objects.assign_key(one))
        found.append(one)
    APIKey.objects.bulk_create(found)
    print("\n".join(made))
