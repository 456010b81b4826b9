from datasets import *
