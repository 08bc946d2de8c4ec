"""CCSDS Orbit Mean-Elements Messages (502.0-B-3): KVN, XML, and the flat JSON and CSV of CelesTrak and Space-Track."""
