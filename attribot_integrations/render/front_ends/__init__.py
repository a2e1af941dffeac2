"""What front ends take: data for a page, parts of chat protocols, an element that shows it all."""
