/* HTTP's methods and their names. */
#include "base/method.h"

#include <string.h>

static const char *const method_names[] = {
    [METHOD_GET] = "GET",     [METHOD_HEAD] = "HEAD",     [METHOD_POST] = "POST",
    [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE", [METHOD_UNKNOWN] = "",
};

enum method method_parse(const char *text)
{
  int method = METHOD_GET;
  while (method < METHOD_UNKNOWN && strcmp(method_names[method], text) != 0)
    method++;
  return (enum method)method;
}

const char *method_name(enum method method)
{
  return method_names[method];
}
