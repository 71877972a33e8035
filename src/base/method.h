/* HTTP's methods, as far as Lontar knows them. Pure, thread-safe. */
#ifndef BASE_METHOD_H
#define BASE_METHOD_H

/* HEAD is answered as GET without a body. */
enum method { METHOD_GET, METHOD_HEAD, METHOD_POST, METHOD_PATCH, METHOD_DELETE, METHOD_UNKNOWN };

/* Names as in HTTP, upper case. METHOD_UNKNOWN stands for any other, and its name is empty. */
enum method method_parse(const char *text);
const char *method_name(enum method method);

#endif
