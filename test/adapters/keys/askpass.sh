#!/bin/sh
echo geheim
