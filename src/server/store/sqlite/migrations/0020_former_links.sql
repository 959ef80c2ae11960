-- The number of the contact to whom a link belonged before an owner changed the contact or made another link. Such a link is kept for a
-- day: the first contact of before is asked by it, and it comes back if the change is undone. NULL: the contact's link of today.
ALTER TABLE contact_link ADD COLUMN former_phone TEXT;
