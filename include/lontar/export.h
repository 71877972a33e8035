/* Marks what liblontar.so shows to the outside; everything else is hidden. */
#ifndef LONTAR_EXPORT_H
#define LONTAR_EXPORT_H

#if defined(__GNUC__)
#define LONTAR_EXPORT __attribute__((visibility("default")))
#else
#define LONTAR_EXPORT
#endif

#endif
