"""Data sets on disk: found, verified, downloaded, described and converted. No torch here.

find        where a data set lies on this machine
verify      counts, labels, boxes, masks, unreadable files, duplicates
download    files of the official hosts, resumable and checked; archives: their safe extraction
stats       sizes, counts and centre bias of the objects; figures: their pictures
convert     another official layout: coco, voc, manifest
"""
